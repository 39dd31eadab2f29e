public import Reactor
public import ReplicationWire

/// Where services announce what they stored. Replication's server and the main process's own /sync listen.
public protocol StreamPublisher: AnyObject {
    /// Tells that `rows`, which share `token`, became visible. Tokens of a stream only rise.
    func publish(
        _ stream: StreamName, token: Int64, rows: [ReplicationRow], on loop: isolated EventLoop)
}
