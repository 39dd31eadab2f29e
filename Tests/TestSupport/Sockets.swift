internal import CTestSupport
internal import Glibc

/// A stream socket of a family such as `AF_INET`, outside of any loop. Use this and not `socket`, whose
/// constants are a matter of luck in Swift.
public func streamSocket(_ family: Int32, nonblocking: Bool = false) -> Int32 {
    let descriptor = ctest_stream_socket(family)
    precondition(descriptor >= 0, "no socket: error \(errno)")
    if nonblocking { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
    return descriptor
}

/// A datagram socket of a family.
public func datagramSocket(_ family: Int32) -> Int32 {
    let descriptor = ctest_datagram_socket(family)
    precondition(descriptor >= 0, "no socket: error \(errno)")
    return descriptor
}

/// Two connected stream sockets, outside of any loop.
public func socketPair() -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let result = ctest_socket_pair(&ends)
    precondition(result == 0, "no sockets: error \(errno)")
    return (ends[0], ends[1])
}
