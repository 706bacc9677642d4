"""The types of the API, one file for each part of the domain. Plain attributes wherever a value is known already."""
