internal import Bytes

/// Writes the pieces of a response onto the end of an array of bytes.
public struct ResponseEncoder {
    /// Appends the status line. Always of HTTP/1.1: it says what this server speaks.
    public static func appendStatusLine(_ status: HTTPStatus, to output: inout [UInt8]) {
        if status.code == 200 {
            output.append("HTTP/1.1 200 OK\r\n")
            return
        }
        output.append("HTTP/1.1 ")
        appendDecimal(Int(status.code), to: &output)
        output.append(Syntax.space)
        output.append(status.reason)
        appendLineEnd(to: &output)
    }

    /// Appends one field.
    public static func appendField(
        _ name: StaticString, _ value: StaticString, to output: inout [UInt8]
    ) {
        output.append(name)
        output.append(": ")
        output.append(value)
        appendLineEnd(to: &output)
    }

    /// Appends `Content-Length`.
    public static func appendContentLength(_ length: Int, to output: inout [UInt8]) {
        output.append("Content-Length: ")
        appendDecimal(length, to: &output)
        appendLineEnd(to: &output)
    }

    /// Appends the fields of `headers`, save those that are the server's own to decide.
    public static func appendFields(_ headers: HTTPHeaders, to output: inout [UInt8]) {
        if headers.isRendered {
            output.append(contentsOf: headers.storage)
            return
        }
        let bytes = headers.storage.span.bytes
        for field in headers.fields where !isServersOwn(bytes.slice(field.name)) {
            output.append(copying: bytes.slice(field.name))
            output.append(": ")
            output.append(copying: bytes.slice(field.value))
            appendLineEnd(to: &output)
        }
    }

    /// Appends a number that is not negative. The generic one of `Bytes` costs several times this.
    private static func appendDecimal(_ value: Int, to output: inout [UInt8]) {
        var digits = [20 of UInt8](repeating: 0x30)
        var start = 20
        var rest = UInt(value)
        repeat {
            start &-= 1
            digits[start] &+= UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        output.append(copying: digits.span.bytes.extracting(start..<20))
    }

    /// Ends the head, or any line.
    public static func appendLineEnd(to output: inout [UInt8]) {
        output.append(Syntax.carriageReturn)
        output.append(Syntax.lineFeed)
    }

    /// Appends the line before a chunk of `count` bytes, which must not be zero: an empty chunk
    /// would end the body. The chunk's bytes and a line end follow.
    public static func appendChunkHeader(_ count: Int, to output: inout [UInt8]) {
        precondition(count > 0, "an empty chunk ends the body")
        let digits: StaticString = "0123456789abcdef"
        var shift = (Int.bitWidth - 1 - count.leadingZeroBitCount) / 4 * 4
        while shift >= 0 {
            output.append(digits.utf8Start[count >> shift & 15])
            shift -= 4
        }
        appendLineEnd(to: &output)
    }

    /// Appends what ends a chunked body.
    public static func appendLastChunk(to output: inout [UInt8]) { output.append("0\r\n\r\n") }

    /// Whether the server writes this field itself: what delimits the message and the connection.
    static func isServersOwn(_ name: RawSpan) -> Bool {
        switch name.byteCount {
        case 4: name.equalsIgnoringCase("date")
        case 10: name.equalsIgnoringCase("connection")
        case 14: name.equalsIgnoringCase("content-length")
        case 17: name.equalsIgnoringCase("transfer-encoding")
        default: false
        }
    }
}

extension Array<UInt8> {
    /// Appends the bytes of a literal.
    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(
            contentsOf: UnsafeRawBufferPointer(
                start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
