"""One lab in memory for every test that needs no engine: it is what a course, a monitor and a session are handed."""
