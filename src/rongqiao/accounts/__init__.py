"""People, organisations, certification, roles, scope, consent."""
