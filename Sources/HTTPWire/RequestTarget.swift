internal import Bytes

extension RequestHead {
    /// Takes a target apart that is known to be a path.
    @inline(__always)
    mutating func setPath(_ target: Slice, in bytes: RawSpan) {
        targetSlice = target
        let question = bytes.slice(target).firstIndex(of: UInt8(ascii: "?"))
        let end = question.map { target.range.lowerBound + $0 } ?? target.range.upperBound
        pathSlice = Slice(target.range.lowerBound, end)
        querySlice = Slice(min(end + 1, target.range.upperBound), target.range.upperBound)
    }

    /// Takes the request target apart: origin-form, absolute-form or, for OPTIONS, the asterisk.
    mutating func setTarget(_ target: Slice, in bytes: RawSpan) throws(HTTPError) {
        targetSlice = target
        var start = target.range.lowerBound
        let end = target.range.upperBound
        if knownMethod == .connect {
            // Its target is an authority, which nothing here can serve; `conclude` says 501.
            guard Authority.isValid(bytes.slice(target)) else {
                throw HTTPError(.badRequest, "the target of CONNECT is not an authority")
            }
            pathSlice = target
            return
        }
        if bytes.byte(start) != UInt8(ascii: "/") {
            if target.count == 1, bytes.byte(start) == UInt8(ascii: "*") {
                guard knownMethod == .options else {
                    throw HTTPError(.badRequest, "the target * is for OPTIONS only")
                }
                pathSlice = target
                return
            }
            start = try Self.endOfAuthority(target, in: bytes)
        }
        let question = bytes.firstIndex(of: UInt8(ascii: "?"), from: start) ?? end
        let pathEnd = min(question, end)
        pathSlice = Slice(start, pathEnd)
        querySlice = Slice(min(pathEnd + 1, end), end)
        if start == pathEnd {
            // `http://host` means the path "/": the second slash of the scheme serves as that.
            let slash = bytes.firstIndex(of: UInt8(ascii: "/"), from: target.range.lowerBound)
            pathSlice = Slice((slash ?? start) + 1, (slash ?? start) + 2)
        }
    }

    /// Where the path of an absolute target begins. Its authority stands in for Host.
    private static func endOfAuthority(
        _ target: Slice, in bytes: RawSpan
    ) throws(HTTPError) -> Int {
        let whole = bytes.slice(target)
        var offset: Int
        if whole.byteCount > 7, whole.extracting(0..<7).equalsIgnoringCase("http://") {
            offset = 7
        } else if whole.byteCount > 8, whole.extracting(0..<8).equalsIgnoringCase("https://") {
            offset = 8
        } else {
            throw HTTPError(.badRequest, "the request target is neither a path nor a web address")
        }
        let schemeEnd = offset
        while offset < whole.byteCount, whole.byte(offset) != UInt8(ascii: "/"),
            whole.byte(offset) != UInt8(ascii: "?")
        {
            offset += 1
        }
        guard Authority.isValid(whole.extracting(schemeEnd..<offset)) else {
            throw HTTPError(.badRequest, "the authority of the request target is malformed")
        }
        return target.range.lowerBound + offset
    }
}

/// The syntax of Host: a name or an address, perhaps a port, never user information.
enum Authority {
    static func isValid(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount > 0 else { return false }
        var hostEnd = bytes.byteCount
        if bytes.byte(0) == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")), bracket > 2 else {
                return false
            }
            for offset in 1..<bracket where !isAddressCharacter(bytes.byte(offset)) {
                return false
            }
            hostEnd = bracket + 1
        } else {
            // What ends it is a port's colon, or out of place, which the following finds.
            hostEnd = Scan.endOfHostName(bytes)
            guard hostEnd > 0 else { return false }
        }
        if hostEnd == bytes.byteCount { return true }
        guard bytes.byte(hostEnd) == Syntax.colon, bytes.byteCount - hostEnd <= 6 else {
            return false
        }
        for offset in (hostEnd + 1)..<bytes.byteCount where !bytes.byte(offset).isASCIIDigit {
            return false
        }
        return true
    }

    private static func isAddressCharacter(_ byte: UInt8) -> Bool {
        Syntax.hexadecimal(byte) != nil || byte == Syntax.colon || byte == UInt8(ascii: ".")
    }

    // One bit per ASCII character: unreserved characters, percent signs and sub-delimiters but the
    // comma, in which lists of hosts would hide.
    private static let nameLow: UInt64 = 0x2bff_6ff2_0000_0000
    private static let nameHigh: UInt64 = 0x47ff_fffe_87ff_fffe

    @inline(__always)
    static func isNameCharacter(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) &<< UInt64(byte & 63)
        if byte < 64 { return nameLow & bit != 0 }
        return byte < 128 && nameHigh & bit != 0
    }
}
