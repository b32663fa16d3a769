"""Online and offline service network: outlets, client managers, events, leads, news."""
