"""What a feed's settings may say, and every decision about them and its runs that needs no socket."""
