"""The console: screens for staff and managers, served as they stand in the folder console/."""
