"""Makes a new project from the files of this one."""
