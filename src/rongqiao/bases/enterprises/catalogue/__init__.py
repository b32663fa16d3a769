"""The indicator catalogue as the web sees it: how indicators spread and stand, and what operators decide about their use."""
