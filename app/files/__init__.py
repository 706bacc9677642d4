"""Files by HTTP and from the command line: imports, exports, statements."""
