//! How targets are reached and asked: compressed, through proxies, with tokens of a token server, and once more at the end.

use std::io::Write;

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::relay::Relay;
use crate::support::setup::Setup;
use crate::support::web::{Asked, Says, Web};
use crate::targets::{PAGE, Scrape, TEXT, arrived, scraping};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn pages_may_come_compressed() {
    let says = Says::bytes(TEXT, gzip(PAGE.as_bytes()).into()).with("content-encoding", "gzip");
    let (web, backend) = (Web::start(says).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, ", extra_scrape_metrics: true")).await;
    let scrape = arrived(&backend, "a scrape", Scrape::is_up).await;
    assert_eq!(scrape.value("temp"), 21.5);
    assert_eq!(scrape.value("scrape_body_size_bytes"), PAGE.len() as f64);
    let asked = &web.asked()[0].headers;
    assert_eq!(asked["accept-encoding"], "gzip");
    let accepted = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                    application/openmetrics-text;version=0.0.1;q=0.5,\
                    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    assert_eq!(asked["accept"], accepted);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn formats_are_asked_for_as_the_job_says() {
    let (web, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    let job = ", scrape_protocols: [PrometheusText1.0.0, OpenMetricsText0.0.1], enable_compression: false, \
               metric_name_validation_scheme: legacy";
    let relay = Relay::start(&scraping(&web, &backend, job)).await;
    arrived(&backend, "a scrape", Scrape::is_up).await;
    let asked = &web.asked()[0].headers;
    assert_eq!(asked["accept-encoding"], "identity");
    let accepted = "text/plain;version=1.0.0;escaping=underscores;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
                    */*;q=0.4";
    assert_eq!(asked["accept"], accepted);
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn what_a_page_unpacks_to_is_bounded() {
    let says = Says::bytes(TEXT, gzip(&vec![b'\n'; 1 << 20]).into()).with("content-encoding", "gzip");
    let (web, backend) = (Web::start(says).await, Backend::start());
    let relay = Relay::start(&scraping(&web, &backend, ", body_size_limit: 100KB, extra_scrape_metrics: true")).await;
    relay.wait_for_line(&["scrape failed", "scrape_too_large", "body_size_limit"]).await;
    let told = |scrape: &Scrape| !scrape.is_up() && scrape.value("scrape_body_size_bytes") == -1.0;
    arrived(&backend, "that it is too large", told).await;
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_limit_of_zero_is_none_whatever_is_usual() {
    let (web, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    let setup = scraping(&web, &backend, ", body_size_limit: 0, sample_limit: 0");
    let text = setup.text().replace("{config: {", "{config: {global: {body_size_limit: 10B, sample_limit: 1}, ");
    let relay = Relay::start(&setup).await;
    relay.reload(&text, "Config updated").await;
    let before = web.asked().len();
    web.wait_for(before + 2).await;
    assert!(!relay.log().contains("scrape_too_large"), "{}", relay.log());
    relay.stop_without_loss().await;
}

/// A relay that scrapes a host that nobody knows, with what `job` adds.
fn far(backend: &Backend, job: &str) -> Setup {
    let targets = "static_configs: [{targets: ['app.invalid:9090']}]";
    let job = format!("{{job_name: app, scrape_interval: 100ms, {targets}{job}}}");
    Setup::forwarding(crate::support::client::Wire::Http, backend, "")
        .receiver_of("prometheus", &format!("config: {{scrape_configs: [{job}]}}"))
        .pipeline("metrics", "receivers: [prometheus], exporters: [otlp_http]")
}

#[tokio::test]
async fn targets_are_asked_through_the_proxy_of_their_job() {
    let (proxy, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let by_job = far(&backend, &format!(", proxy_url: '{url}'"));
    let by_environment = far(&backend, ", proxy_from_environment: true");
    for (setup, environment) in [(by_job, vec![]), (by_environment, vec![("HTTP_PROXY", url.as_str())])] {
        let relay = Relay::start_with(&setup, &environment).await;
        arrived(&backend, "a scrape", Scrape::is_up).await;
        assert_eq!(proxy.asked().last().unwrap().headers["host"], "app.invalid:9090");
        relay.stop_without_loss().await;
    }
}

#[tokio::test]
async fn exceptions_from_the_proxy_and_the_environment_unasked_count_for_nothing() {
    let (proxy, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let excepted = far(&backend, &format!(", proxy_url: '{url}', no_proxy: '.invalid'"));
    for (setup, environment) in [(excepted, vec![]), (far(&backend, ""), vec![("HTTP_PROXY", url.as_str())])] {
        let relay = Relay::start_with(&setup, &environment).await;
        relay.wait_for_line(&["scrape failed", "app.invalid"]).await;
        assert!(proxy.asked().is_empty());
        relay.stop_without_loss().await;
    }
}

#[tokio::test]
async fn targets_are_shown_a_token_of_the_token_server() {
    let token =
        Says::page("application/json", r#"{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}"#);
    let (server, web) = (Web::start(token).await, Web::start(Says::page(TEXT, PAGE)).await);
    let backend = Backend::start();
    let oauth2 = format!(
        ", oauth2: {{client_id: me, client_secret: s3cr3t, token_url: 'http://127.0.0.1:{}/token', scopes: [metrics], \
         endpoint_params: {{audience: a}}}}",
        server.port
    );
    let setup = scraping(&web, &backend, &oauth2);
    let relay = Relay::start(&setup).await;
    arrived(&backend, "a scrape", Scrape::is_up).await;
    web.wait_for(2).await;
    assert!(web.asked().iter().all(|asked| asked.headers["authorization"] == "Bearer t0ken"));
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/token"));
    assert_eq!(&asked[0].body[..], b"grant_type=client_credentials&scope=metrics&audience=a");
    // One token is for all targets of the job.
    let one = format!("'127.0.0.1:{}'", web.port);
    let two = format!("{one}, 'localhost:{}'", web.port);
    relay.reload(&setup.text().replace(&one, &two), "Config updated").await;
    let is_second = |asked: &Asked| asked.headers["host"].starts_with("localhost");
    eventually("the second target", async || web.asked().iter().any(is_second).then_some(())).await;
    assert_eq!(server.asked().len(), 2);
    assert!(!relay.log().contains("s3cr3t") && !relay.log().contains("t0ken"));
    relay.stop_without_loss().await;
}

#[tokio::test]
async fn a_last_scrape_is_had_where_it_is_asked_for() {
    let (web, backend) = (Web::start(Says::page(TEXT, PAGE)).await, Backend::start());
    let setup = scraping(&web, &backend, "");
    let late = setup.text().replace("scrape_interval: 100ms", "scrape_interval: 1h");
    let late = late.replace("{config:", "{scrape_on_shutdown: true, initial_scrape_offset: 1h, config:");
    let relay = Relay::start(&setup).await;
    arrived(&backend, "a scrape", Scrape::is_up).await;
    relay.reload(&late, "Config updated").await;
    relay.wait_for_line(&["Config updated"]).await;
    let before = web.asked().len();
    web.always(Says::page(TEXT, "last 1\n"));
    relay.stop_without_loss().await;
    arrived(&backend, "the last scrape", |scrape| scrape.metrics.contains_key("last")).await;
    assert!(before < web.asked().len());
}
