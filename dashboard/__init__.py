"""The Streamlit app: pages as thin scripts over `latent`.  Start it with `streamlit run dashboard/main.py`."""
