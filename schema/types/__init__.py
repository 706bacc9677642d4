"""Types of the API, one file for each part of the domain. A value that is known already is a plain attribute."""
