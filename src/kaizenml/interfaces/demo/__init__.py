"""`kaizen demo`: the whole loop, once round and again, on 336,776 real flights of 2013."""
