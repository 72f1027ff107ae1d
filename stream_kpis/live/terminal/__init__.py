"""Values and lists for people: tables of 80 columns, CSV, JSON, and the live table in a terminal."""
