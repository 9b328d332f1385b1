SELECT secret FROM meta
