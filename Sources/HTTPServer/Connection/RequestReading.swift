internal import Bytes
internal import HTTPWire

/// Where a request stands that did not come whole, or is an unusual one: from its first byte to the
/// last one of its body. Connections have one only meanwhile.
final class RequestReading {
    var parser: RequestParser

    init(_ limits: ParserLimits) { parser = RequestParser(limits: limits) }

    /// Makes it ready for another connection's request.
    func reset(_ limits: ParserLimits) { parser = RequestParser(limits: limits) }
}

/// Input that nobody has looked at yet.
final class HeldBytes {
    var queue = ByteQueue()
}
