/// One worker's place in one stream, which its connection and the stream's feed both hold: so that a row finds
/// whoever is due it without looking through the connections.
final class StreamSubscriber {
    unowned let connection: ServerConnection
    /// What the worker has been sent, and what waits.
    var place: StreamSubscription

    init(_ connection: ServerConnection, _ place: StreamSubscription) {
        self.connection = connection
        self.place = place
    }
}
