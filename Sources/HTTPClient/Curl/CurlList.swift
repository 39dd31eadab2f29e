internal import CCurl

/// Owns a list of texts for libcurl, which reads it while a transfer runs.
struct CurlList: ~Copyable {
    private(set) var first: UnsafeMutablePointer<curl_slist>?
    private var last: UnsafeMutablePointer<curl_slist>?

    init() {}

    deinit { curl_slist_free_all(first) }

    /// Appends a copy of `text`, which must hold no zero byte. `false`: no memory.
    mutating func append(_ text: String) -> Bool {
        // Appending to the last node spares libcurl the walk from the first.
        guard let start = curl_slist_append(last, text) else { return false }
        if first == nil { first = start }
        last = start.pointee.next ?? start
        return true
    }
}
