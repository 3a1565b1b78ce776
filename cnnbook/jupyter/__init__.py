"""What a Jupyter server does for the book: a saved widget is a picture when it is opened again."""

from tornado.ioloop import IOLoop

VIEW = "application/vnd.jupyter.widget-view+json"
MARK = "cnnbook"  # in the metadata of an output: its picture or page says what its view shows


def keep_pictures(model, **_):
    """Drop our live views from a notebook that is saved: without their kernel they are an error.

    The picture or text beside a view stays, and so do the outputs of others. The page goes on with
    what it shows.
    """
    if model["type"] != "notebook":
        return
    for cell in model["content"].get("cells", ()):
        for output in cell.get("outputs", ()):
            stays = {"image/png", "text/html"} & output.get("data", {}).keys()
            if MARK in output.get("metadata", {}) and stays:
                output["data"].pop(VIEW, None)


def _jupyter_server_extension_points():
    return [{"module": __name__}]


def _load_jupyter_server_extension(server):
    def register():
        server.contents_manager.register_pre_save_hook(keep_pictures)

    IOLoop.current().add_callback(register)  # jupytext, loaded later, makes another manager
