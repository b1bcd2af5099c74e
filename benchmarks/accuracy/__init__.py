"""How often ``shipway check`` is right about what a build reads: claims about real repositories, each
confirmed by a build of just that COPY."""
