// It is enough that there is a script: then the page has A1111's words for it.

