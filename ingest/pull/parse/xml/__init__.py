"""XML: the elements of items as they end, and what an XPath finds in them."""
