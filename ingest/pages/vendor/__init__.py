"""What a vendor sees of its own feed, by a link: a room apart from the account's pages, with sessions of its own.

The link's secret stands behind the `#`: browsers send it to nobody. A script of ours posts it once, and gets a cookie.
"""
