"""The report panel: everything about one report in the order an operator reads it, and the keys that act on it.

`widgets.ticket.panel.TicketPanel` is the widget, `widgets.ticket.values.Ticket` what it shows; the other modules draw a
part of it each.
"""
