"""A project of one's own, made of the files of this one."""
