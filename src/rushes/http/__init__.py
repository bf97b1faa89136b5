"""The wire: dialects, and nothing behind them."""
