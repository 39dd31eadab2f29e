import HTTPWire
import Testing

@Suite struct AcceptEncodingTests {
    @Test(arguments: [
        ("gzip", true), ("GZIP", true), ("x-gzip", true), ("deflate, gzip;q=1.0, *;q=0.5", true),
        ("gzip, deflate, br", true), ("br;q=1.0, gzip;q=0.8, *;q=0.1", true), ("*", true),
        ("*;q=0.1", true), ("identity, gzip", true), ("identity;q=0.5, gzip;q=0.5", true),
        ("gzip ; q=0.001", true), (" , gzip ,", true), ("identity;q=0, *;q=0, gzip", true),
        ("gzip;q=1.000", true), ("gzip;q=0.", false), ("*;q=0, gzip;Q=0.3", true),
        ("", false), ("identity", false), ("br", false), ("gzip;q=0", false),
        ("gzip;q=0.000", false), ("*;q=0", false), ("*, gzip;q=0", false),
        ("identity, gzip;q=0.9", false), ("gzip, gzip;q=0", false), ("gzipped", false),
        ("deflate;gzip", false), ("gzip;q=2", false), ("gzip;q=1.001", false),
        ("gzip;q=-1", false), ("gzip;q=0.0001", false), ("gzip;q=", false), ("gzip;", false),
        ("gzip;q", false), ("gzip;x=1", false), ("gzip;q=1;x=1", false), ("gzip;q=a", false),
    ])
    func weighsWhatClientsAccept(_ value: String, _ accepts: Bool) {
        #expect((["Accept-Encoding": value] as HTTPHeaders).prefersGzip == accepts)
    }

    @Test func fieldsAddUp() {
        #expect(!HTTPHeaders().prefersGzip)
        #expect((["Accept-Encoding": "br", "accept-encoding": "gzip"] as HTTPHeaders).prefersGzip)
        #expect(
            !(["Accept-Encoding": "*", "accept-encoding": "gzip;q=0"] as HTTPHeaders).prefersGzip)
    }
}
