import Configuration

/// A main configuration in which nothing is wrong; each line is known by its number below.
let mainSample = """
    server_name: example.org
    report_stats: no
    pid_file: /run/beamline/homeserver.pid
    listeners:
      - port: 8008
        type: http
        bind_addresses: ['::1', 127.0.0.1]
        x_forwarded: true
        tag: front
        resources:
          - names: [client, federation]
            compress: false
      - port: 9092
        bind_address: '127.0.0.1'
        type: replication
    database:
      name: psycopg2
      args:
        user: synapse
        password: 12345
        database: synapse
        host: /run/postgresql
        cp_min: 2
        cp_max: 7
        sslmode: disable
    start_pushers: false
    notify_appservices: False

    """

/// The worker file of workers.rst, paths aside.
let workerSample = """
    worker_app: synapse.app.synchrotron

    # The replication listener on the synapse to talk to.
    worker_replication_host: 127.0.0.1
    worker_replication_port: 9092

    worker_listeners:
     - type: http
       port: 8083
       resources:
         - names:
           - client

    worker_daemonize: True
    worker_pid_file: /home/matrix/synapse/synchrotron.pid
    worker_log_config: /home/matrix/synapse/config/synchrotron_log_config.yaml

    """

/// Options under which no file has to exist.
let unchecked = LoadOptions(workingDirectory: "/srv/beamline", checksFiles: false)

/// Loads texts as `main.yaml` and, if given, `worker.yaml`.
func load(_ main: String, _ worker: String? = nil) throws -> BeamlineConfiguration {
    var texts = [(name: "main.yaml", text: main)]
    if let worker { texts.append((name: "worker.yaml", text: worker)) }
    return try BeamlineConfiguration.load(texts: texts, options: unchecked)
}

/// The mistakes found in texts, as they are shown.
func mistakes(_ main: String, _ worker: String? = nil) -> [String] {
    do {
        _ = try load(main, worker)
        return []
    } catch let error as ConfigurationError {
        return error.errors.map(\.description)
    } catch {
        return ["\(error)"]
    }
}

/// Everything that is not a mistake, as it is shown.
func remarks(_ main: String, _ worker: String? = nil) throws -> [String] {
    try load(main, worker).diagnostics.map { "\($0.severity.rawValue) \($0)" }
}
