/// How long people count as being there.
public struct PresenceTiming: Sendable, Hashable {
    /// Without doing anything (`idle_timeout`).
    public var idle = Duration.seconds(300)
    /// Without a connection (`sync_online_timeout`).
    public var offline = Duration.seconds(30)
    /// For how long somebody who did something counts as active (`last_active_granularity`).
    public var active = Duration.seconds(60)

    /// The times that Synapse has.
    public init() {}
}
