"""View sources in, `views` and `images` out; then the published data set and SQL over it."""
