extension NewEvent {
    /// What an event does to somebody whom push rules tell of it.
    public struct PushAction: Sendable, Hashable {
        /// The actions as JSON, a list.
        public var actions: String
        /// Whether it makes a notification.
        public var notifies: Bool
        /// Whether the notification is highlighted.
        public var highlights: Bool

        /// An action with these parts.
        public init(actions: String, notifies: Bool, highlights: Bool) {
            self.actions = actions
            self.notifies = notifies
            self.highlights = highlights
        }

        /// No notification.
        public static let none = PushAction(actions: "[]", notifies: false, highlights: false)
    }

    /// Who is notified of an event.
    public struct Push: Sendable {
        /// The thread in which it counts: the root's id, or `main`.
        public var threadID: String
        /// What happens to every member of this server but the sender and those in `own`; nil for nothing.
        public var common: PushAction?
        /// What happens to others: each user once.
        public var own: [(userID: String, action: PushAction)]

        /// Notifications with these parts.
        public init(
            threadID: String, common: PushAction?, own: [(userID: String, action: PushAction)]
        ) {
            self.threadID = threadID
            self.common = common
            self.own = own
        }
    }
}
