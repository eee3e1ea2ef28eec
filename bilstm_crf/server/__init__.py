"""A server: the tagger over HTTP, and a page to try and correct it. Needs the extra `serve`."""
