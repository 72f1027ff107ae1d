"""What is generated from the catalogue for those who watch: rules and their documentation."""
