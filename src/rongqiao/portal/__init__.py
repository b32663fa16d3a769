"""The one portal: pages, HTMX fragments, public API; parses and renders, decides nothing.

A page extends ``portal/base.html`` (blocks ``title``, ``lead``, ``content``) and is made of components, loaded by
``{% load components %}``:

- ``{% figure value label unit= source= fresh= note= %}``: one figure; ``unit="cny"`` picks 元, 万元 or 亿元.
- ``{% status code family= %}``: a status as word and icon (``portal.wording``).
- ``{% decision reasons %}``: conditions met, unmet and unknown, with what would settle them.
- ``{% money value %}``, ``{{ value|cny }}``, ``{{ value|rate }}``, ``{{ value|share }}``, ``{{ value|month }}``.
- ``{% deadline at label= %}``: a clock, urgent within a day.
- ``{% field form.name reason= unit= %}``: a form field with label, help and errors.
- ``{% steps titles current %}``: a step tracker.
- ``{% chart chart %}``: a ``portal.charts.Chart`` with its source and its table.
- ``{% listing listing %}``: a ``portal.listing.Listing``: filters, sort, pages, CSV export, HTMX swap.
- ``{% empty title text= url= label= icon= %}``: an empty state that says what to do next.
- Filters ``code_title:"<code list>"``, ``code_titles``, ``region_name``, ``region_names``, ``industry_name``,
  ``months_text``, ``item``.

Layout classes of ``portal.css``: ``rq-figures`` (row of figures), ``rq-columns`` (main and side), ``rq-cards`` (grid),
``rq-card``, ``rq-panel``, ``rq-facts`` (definition list), ``rq-table-wrap`` around plain tables, ``rq-note``,
``rq-actions`` (row of buttons), ``rq-alert`` (urgent notice).

Views are guarded by ``portal.access.for_roles``. Each reader's routes and header links stand in ``routes_*.py``.
"""
