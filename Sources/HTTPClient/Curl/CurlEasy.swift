internal import CCurl

/// Owns one of libcurl's easy handles: the options and the state of one transfer at a time.
final class CurlEasy {
    let raw: UnsafeMutableRawPointer
    /// What libcurl says about an error, at most CURL_ERROR_SIZE bytes with the final zero.
    private let message: UnsafeMutablePointer<CChar>

    init?() {
        guard let raw = curl_easy_init() else { return nil }
        self.raw = raw
        message = .allocate(capacity: Int(CURL_ERROR_SIZE))
        message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(raw)
        message.deallocate()
    }

    /// Forgets all options; live connections and sessions are not the handle's.
    func reset() {
        curl_easy_reset(raw)
        message.pointee = 0
        _ = ccurl_set_pointer(raw, CURLOPT_ERRORBUFFER, message)
    }

    /// libcurl's text for the error that ended the transfer.
    func errorText(_ code: CURLcode) -> String {
        String(cString: message.pointee == 0 ? curl_easy_strerror(code) : UnsafePointer(message))
    }

    // Setting an option fails for want of memory, or where the installed libcurl lacks it; the first
    // code that is not CURLE_OK is kept in `failed`.

    func set(_ option: CURLoption, _ value: Int, _ failed: inout CURLcode) {
        keep(ccurl_set_long(raw, option, value), &failed)
    }

    func set(_ option: CURLoption, _ value: Bool, _ failed: inout CURLcode) {
        keep(ccurl_set_long(raw, option, value ? 1 : 0), &failed)
    }

    func set(size option: CURLoption, _ value: Int, _ failed: inout CURLcode) {
        keep(ccurl_set_size(raw, option, curl_off_t(value)), &failed)
    }

    func set(_ option: CURLoption, _ value: String, _ failed: inout CURLcode) {
        keep(ccurl_set_text(raw, option, value), &failed)
    }

    func set(_ option: CURLoption, _ value: UnsafeRawPointer?, _ failed: inout CURLcode) {
        keep(ccurl_set_pointer(raw, option, value), &failed)
    }

    /// `list` must live as long as the transfer.
    func set(_ option: CURLoption, _ list: borrowing CurlList, _ failed: inout CURLcode) {
        keep(ccurl_set_list(raw, option, list.first), &failed)
    }

    private func keep(_ code: CURLcode, _ failed: inout CURLcode) {
        if failed == CURLE_OK { failed = code }
    }

    func number(_ info: CURLINFO) -> Int {
        var value = 0
        _ = ccurl_get_long(raw, info, &value)
        return value
    }

    func size(_ info: CURLINFO) -> Int {
        var value: curl_off_t = 0
        _ = ccurl_get_size(raw, info, &value)
        return Int(value)
    }
}
