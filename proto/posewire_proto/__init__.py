"""The wire contract: `.proto` files and the typed stubs made from them."""
