"""How the numbers are checked: simulated companies, an oracle in SQL, and the comparison."""
