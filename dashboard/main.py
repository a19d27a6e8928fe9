"""The entry of `streamlit run dashboard/main.py`: the app's pages, and image routes beside them.

What must follow the pointer is served by a route of this process in a millisecond or two; a rerun of the
script is for what changes the page.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run` puts dashboard/ there, not the repository
    sys.path.insert(0, str(HERE.parent))

# Before anything imports torch: its idle threads would spin, and take the processor from whoever draws the map.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import streamlit as st  # noqa: E402

from dashboard.routes import ROUTES  # noqa: E402
from dashboard.sockets import lifespan  # noqa: E402

app = st.App(HERE / "app.py", routes=ROUTES, lifespan=lifespan)
