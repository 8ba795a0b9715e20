"""Pages for people: rendered here, drawn by small modules in the browser, live while looked at."""
