"""`docs/settings.md`, made from the settings themselves: `python -m stream_kpis.settings > docs/settings.md`."""

import sys

from stream_kpis.settings.page import documentation

sys.stdout.write(documentation())
