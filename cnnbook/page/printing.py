"""Print the site as one PDF, through Chromium."""

import shutil
from pathlib import Path

from cnnbook.page.building import _sphinx


def print_pdf(target):
    """Print all pages as one, and return the path of the PDF.

    Raises
    ------
    RuntimeError
        If Playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise RuntimeError('--pdf needs Playwright: pip install -e ".[page]"') from error
    target = Path(target)
    _sphinx("singlehtml", target / "stage", target / "single", whole=False)
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    pdf = target / "cnnbook.pdf"
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        except Error as error:
            raise RuntimeError(f"--pdf needs Chromium: {error}") from error
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto((target / "single" / "index.html").resolve().as_uri())
        page.evaluate("globalThis.MathJax?.startup.promise")
        margin = dict.fromkeys(("top", "bottom", "left", "right"), "14mm")
        page.pdf(path=pdf, format="A4", margin=margin, scale=0.72, outline=True, tagged=True)
        browser.close()
    return pdf
