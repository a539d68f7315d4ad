export default function Retries() {
  return <h1>Retries</h1>;
}
