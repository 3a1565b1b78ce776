"""What Sphinx is told; `building.py` puts it beside the chapters' copies."""

import importlib.metadata

project = "cnnbook"
author = "The cnnbook authors"
release = importlib.metadata.version("cnnbook")
extensions = ["myst_nb"]
exclude_patterns = ["_build"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
html_theme = "sphinx_book_theme"
html_title = "cnnbook"
html_static_path = ["_static"]
html_css_files = ["widgets.css", "page.css"]
html_js_files = ["widgets.js", "frames.js", "practice.js"]
html_favicon = "_static/favicon.svg"
html_show_search_summary = False  # it would be fetched, which a file may not
html_copy_source = False
html_show_sourcelink = False
mathjax_path = "mathjax.js"
mathjax3_config = {"options": {"enableMenu": False}}
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "secondary_sidebar_items": [],
    "navbar_persistent": [],
    "home_page_in_toc": True,
    "show_toc_level": 2,
}
html_context = {"default_mode": "auto"}
