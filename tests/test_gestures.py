"""No widget is forgotten in the table of what a hand can do."""

from gestures import OWN, TOUCHED

from cnnbook import widgets


def test_every_widget_has_a_row():
    public = {name for name, opens in vars(widgets).items() if hasattr(opens, "__wrapped__")}
    assert public == {*TOUCHED, *OWN}
    assert not TOUCHED.keys() & OWN.keys()
