"""The sources, one module a kind of thing: first the organisation-wide listing, then what stands in for it."""
