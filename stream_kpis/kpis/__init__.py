"""What the numbers mean: measures and KPIs as data, and the formulas between them."""
