"""The values that the simulated company knows: few per dimension, some far more common than others, some missing."""

from stream_kpis.proof.simulate.dice import weighted

CHANNELS = weighted({"web": 38, "email": 22, "phone": 14, "chat": 16, "social": 8, None: 2})
SOURCES = weighted(
    {
        "search": 28,
        "ads": 20,
        "referral": 14,
        "partner": 10,
        "event": 8,
        "content": 8,
        "outbound": 7,
        "direct": 4,
        None: 1,
    }
)
OWNERS = tuple(f"rep-{n:02}" for n in range(1, 21))
TEAMS = ("support", "billing", "technical", "success")
WORKING = (*TEAMS, "sales", "sales", "sales")
"""The teams that labour is paid for."""
AGENTS = tuple((f"agent-{n:02}", TEAMS[n % 4]) for n in range(1, 21))
"""Each agent with the team it works in."""
PRODUCTS = weighted(
    {
        "basic": 20,
        "plus": 18,
        "team": 14,
        "suite": 12,
        "mobile": 10,
        "cloud": 8,
        "storage": 7,
        "training": 5,
        "api": 4,
        "other": 2,
    }
)
PLANS = weighted({"starter": 55, "growth": 33, "enterprise": 12})
PRICES = {"starter": 19, "growth": 79, "enterprise": 490}
"""What a plan costs per month."""
SEGMENTS = weighted({"consumer": 45, "small": 30, "medium": 17, "large": 8})
COUNTRIES = weighted({"DE": 26, "US": 22, "FR": 14, "GB": 12, "ES": 9, "PL": 7, "JP": 6, "BR": 3, None: 1})
CATEGORIES = weighted(
    {
        "question": 28,
        "bug": 18,
        "invoice": 16,
        "delivery": 12,
        "access": 10,
        "return": 8,
        "feature": 5,
        "security": 2,
        None: 1,
    }
)
CALENDARS = (None, "europe", None, "americas", None, "nights", None, "always", None, None, "americas", "closed-desk")
"""Named by tickets in turn; there is none of the last name."""
PRIORITIES = weighted({"normal": 60, "low": 20, "high": 15, "urgent": 5})
REGIONS = weighted({"emea": 45, "amer": 30, "apac": 17, "latam": 8})
PIPELINES = weighted({"default": 80, "partner": 20})
STAGES = ("discovery", "proposal", "negotiation", "contract")
FIELD_STAGES = ("demo", "visit", "offer")
"""Those of a pipeline that nobody listed."""
DECISION_MAKERS = (1, 1, 1, 2, 2, 3, 4, 5, 7, 12)
CAMPAIGNS = tuple(f"cmp-{n:02}" for n in range(1, 11))
NEWSLETTER = "newsletter"
"""The campaign that writes to a party every month."""
LENGTHS, IMAGES = (200, 500, 1200), (0, 1, 4)
SUBJECTS = {"a": "News of the month", "b": "What you missed"}
CALLS = weighted({"read": 50, "buy": 40, None: 10})
COSTS = weighted({"acquisition": 45, "labour": 25, "retention": 12, "service": 10, "goods": 8})
EXPERIMENTS = ("pricing-page", "welcome-mail")
EXPOSED = weighted({**dict.fromkeys(EXPERIMENTS, 47), "spring-mail": 6})
VARIANTS = {"spring-mail": ("holdout", "campaign")}
"""Of experiments whose variants are not ``control`` and ``new``; the second of both is what is tried."""
LEAVING = weighted({"price": 35, "competitor": 20, "unused": 20, "service": 12, "closed": 8, "payment": 5})
LOSING = ("price", "no budget", "competitor", "timing", "no answer")
