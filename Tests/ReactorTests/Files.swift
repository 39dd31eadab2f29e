import Glibc
import Reactor
import TestSupport

/// A short path for a socket that no other test uses.
func temporaryPath(_ name: String) -> String {
    "/tmp/beamline-\(getpid())-\(name)-\(UInt32.random(in: 0 ... .max)).sock"
}

/// Leaves behind what a killed server does: a socket file that nobody listens on.
func leaveStaleSocket(at path: String) {
    let descriptor = streamSocket(AF_UNIX)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    withUnsafePointer(to: &address) { pointer in
        _ = bind(
            descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
            socklen_t(MemoryLayout<sockaddr_un>.size))
    }
    close(descriptor)
}

/// Whether the peer has closed a connection from which nothing is left to read; never waits.
func inputHasEnded(of descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
    return count == 0 || count < 0 && errno != EAGAIN
}

func shutDownOutput(of descriptor: Int32) { shutdown(descriptor, Int32(SHUT_WR)) }

/// A socket connected with a plain blocking call, outside of any loop.
func connectBlocking(to address: SocketAddress) -> Int32 {
    let descriptor = streamSocket(AF_INET)
    return connectBlocking(descriptor, to: address) ? descriptor : -1
}

func connectBlocking(_ descriptor: Int32, to address: SocketAddress) -> Bool {
    guard case .ipv4(let host, let port) = address else { return false }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = host.bigEndian
    let result = withUnsafePointer(to: &name) { pointer in
        connect(
            descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
            socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    return result == 0
}

func closeDescriptor(_ descriptor: Int32) { close(descriptor) }
