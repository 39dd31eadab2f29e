import FuzzDriver
import FuzzHTTP

// What reads from strangers first, and builds in seconds: for the run that `make test` can afford.
runFuzzer([("http", { try checkHTTP($0) }), ("chunked", { try checkChunked($0) })])
