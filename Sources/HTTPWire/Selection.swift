internal import Bytes

/// What a request's conditions select of a representation (RFC 9110, sections 13 and 14).
public enum Selection: Sendable, Hashable {
    /// All of it, to be answered 200.
    case whole
    /// These bytes of it, to be answered 206 with `Content-Range`.
    case part(Range<Int>)
    /// Nothing, since the client has it: 304.
    case notModified
    /// Nothing, since it is not what the client expected: 412.
    case failed
    /// Bytes that are not there: 416 with `Content-Range: bytes */length`.
    case unsatisfiable

    /// Evaluates `If-Match`, `If-Unmodified-Since`, `If-None-Match`, `If-Modified-Since`, `If-Range` and
    /// `Range` of a request that reads, in the order of section 13.2.2.
    ///
    /// - Parameters:
    ///   - headers: The request's.
    ///   - isHead: Its method is HEAD, for which `Range` means nothing.
    ///   - length: The length of the representation in bytes.
    ///   - tag: Its tag, if it has one.
    ///   - modified: When it was last changed, in seconds since 1970, if that is known.
    public init(
        _ headers: HTTPHeaders, isHead: Bool = false, length: Int, tag: EntityTag?, modified: Int64?
    ) {
        if let isNamed = headers.names(tag, in: "if-match", strongly: true) {
            guard isNamed else {
                self = .failed
                return
            }
        } else if let modified, let date = headers.date("if-unmodified-since"), modified > date {
            self = .failed
            return
        }
        if let isNamed = headers.names(tag, in: "if-none-match", strongly: false) {
            guard !isNamed else {
                self = .notModified
                return
            }
        } else if let modified, let date = headers.date("if-modified-since"), modified <= date {
            self = .notModified
            return
        }
        guard !isHead, headers.wantsPart(tag, modified) else {
            self = .whole
            return
        }
        switch ByteRange(headers, length: length) {
        case .whole: self = .whole
        case .part(let range): self = .part(range)
        case .unsatisfiable: self = .unsatisfiable
        }
    }
}

extension HTTPHeaders {
    /// Whether a list of tags names `tag`; `nil` without such a field. It may come several times.
    fileprivate func names(_ tag: EntityTag?, in name: StaticString, strongly: Bool) -> Bool? {
        var isThere = false
        for index in 0..<count where self.name(at: index).equalsIgnoringCase(name) {
            isThere = true
            let value = value(at: index)
            // There is a representation, whatever it is called.
            if value.equals("*") { return true }
            if let tag, tag.isNamed(in: value, strongly: strongly) { return true }
        }
        return isThere ? false : nil
    }

    fileprivate func date(_ name: StaticString) -> Int64? {
        firstIndex(of: name).flatMap { HTTPDate.read(value(at: $0)) }
    }

    /// What `If-Range` says: whether a part is of use, or the whole has to be sent.
    fileprivate func wantsPart(_ tag: EntityTag?, _ modified: Int64?) -> Bool {
        guard let index = firstIndex(of: "if-range") else { return true }
        let value = value(at: index)
        if value.starts(with: "\"") || value.starts(with: "W/") {
            return tag.map { !$0.isWeak && value.equals(text: $0.field) } ?? false
        }
        guard let modified, let date = HTTPDate.read(value) else { return false }
        return date == modified
    }
}
