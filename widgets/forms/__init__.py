"""The forms that an operator asks for, each a window beside the console; every kind of form has a module.

`widgets.forms.form.Form` is what they share; `choice` and `fields` are what they are put together of.
"""
