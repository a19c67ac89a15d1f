"""The queue of reports: tabs, filter chips, a list of up to a million rows that never moves by itself, a footer.

`widgets.queue.panel.QueuePanel` is the widget, `widgets.queue.values.QueueRow` what it shows of a report.
"""
