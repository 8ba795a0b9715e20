"""Remote write: what the store takes in is sent on to Prometheus and its kin.

    store ──Following──▶ Owed ──cut──▶ Batch ──write_request, snappy──▶ HTTP
              (new rows)   │ what is not acknowledged yet, as spans of time
                           └──▶ owed_file: a small file for each receiver

Samples are not kept a second time: the store is the queue. What a receiver has not acknowledged is
known as spans of time for each stream, and read from the store, from memory or from pages, when
its turn comes.
"""
